"""The works that methods and numbers come from, by the keys that docstrings name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from askance.errors import AskanceError, unknown

if TYPE_CHECKING:
    from askance.reports.results import Results

KEY = re.compile(r"\[([a-z]+\d{4}[a-z]+)\b[^\]]*\]")  # [ash2020badge], or [ash2020badge, Eq. 1]

_VENUE = {  # what BibTeX calls the venue of each kind of work
    "article": "journal",
    "book": "publisher",
    "incollection": "booktitle",
    "inproceedings": "booktitle",
    "misc": "howpublished",
    "techreport": "institution",
}


@dataclass(frozen=True)
class Work:
    """One work, as BibTeX would have it.

    Args:
        kind: The kind of entry, such as ``article``.
        authors: Last name first, joined by ``and``.
        title: The title.
        venue: Where it appeared.
        year: When.
    """

    kind: str
    authors: str
    title: str
    venue: str
    year: int


REFERENCES = {
    "agarwal2020contextual": Work(
        "inproceedings",
        "Agarwal, Sharat and Arora, Himanshu and Anand, Saket and Arora, Chetan",
        "Contextual Diversity for Active Learning",
        "European Conference on Computer Vision",
        2020,
    ),
    "arthur2007kmeans": Work(
        "inproceedings",
        "Arthur, David and Vassilvitskii, Sergei",
        "k-means++: The Advantages of Careful Seeding",
        "ACM-SIAM Symposium on Discrete Algorithms",
        2007,
    ),
    "ash2020badge": Work(
        "inproceedings",
        "Ash, Jordan T. and Zhang, Chicheng and Krishnamurthy, Akshay and Langford, John and Agarwal, Alekh",
        "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds",
        "International Conference on Learning Representations",
        2020,
    ),
    "ash2021gone": Work(
        "inproceedings",
        "Ash, Jordan T. and Goel, Surbhi and Krishnamurthy, Akshay and Kakade, Sham M.",
        "Gone Fishing: Neural Active Learning with Fisher Embeddings",
        "Advances in Neural Information Processing Systems",
        2021,
    ),
    "bae2024generalized": Work(
        "inproceedings",
        "Bae, Wonho and Noh, Junhyug and Sutherland, Danica J.",
        "Generalized Coverage for More Robust Low-Budget Active Learning",
        "European Conference on Computer Vision",
        2024,
    ),
    "bae2025uncertainty": Work(
        "inproceedings",
        "Bae, Wonho and Oliveira, Gabriel L. and Sutherland, Danica J.",
        "Uncertainty Herding: One Active Learning Method for All Label Budgets",
        "International Conference on Learning Representations",
        2025,
    ),
    "barlow1972statistical": Work(
        "book",
        "Barlow, Richard E. and Bartholomew, David J. and Bremner, John M. and Brunk, Hugh D.",
        "Statistical Inference under Order Restrictions",
        "Wiley",
        1972,
    ),
    "benavoli2014bayesian": Work(
        "inproceedings",
        "Benavoli, Alessio and Mangili, Francesca and Corani, Giorgio and Zaffalon, Marco and Ruggeri, Fabrizio",
        "A Bayesian Wilcoxon Signed-Rank Test Based on the Dirichlet Process",
        "International Conference on Machine Learning",
        2014,
    ),
    "benavoli2016should": Work(
        "article",
        "Benavoli, Alessio and Corani, Giorgio and Mangili, Francesca",
        "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?",
        "Journal of Machine Learning Research",
        2016,
    ),
    "benavoli2017time": Work(
        "article",
        "Benavoli, Alessio and Corani, Giorgio and Demšar, Janez and Zaffalon, Marco",
        "Time for a Change: A Tutorial for Comparing Multiple Classifiers Through Bayesian Analysis",
        "Journal of Machine Learning Research",
        2017,
    ),
    "bengar2021deep": Work(
        "inproceedings",
        "Bengar, Javad Zolfaghari and Raducanu, Bogdan and van de Weijer, Joost",
        "When Deep Learners Change Their Mind: Learning Dynamics for Active Learning",
        "International Conference on Computer Analysis of Images and Patterns",
        2021,
    ),
    "bickfordsmith2023prediction": Work(
        "inproceedings",
        "Bickford Smith, Freddie and Kirsch, Andreas and Farquhar, Sebastian and Gal, Yarin and Foster, "
        "Adam and Rainforth, Tom",
        "Prediction-Oriented Bayesian Active Learning",
        "International Conference on Artificial Intelligence and Statistics",
        2023,
    ),
    "brodersen2010balanced": Work(
        "inproceedings",
        "Brodersen, Kay H. and Ong, Cheng Soon and Stephan, Klaas E. and Buhmann, Joachim M.",
        "The Balanced Accuracy and Its Posterior Distribution",
        "International Conference on Pattern Recognition",
        2010,
    ),
    "caramalau2021sequential": Work(
        "inproceedings",
        "Caramalau, Razvan and Bhattarai, Binod and Kim, Tae-Kyun",
        "Sequential Graph Convolutional Network for Active Learning",
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
        2021,
    ),
    "cho2024querying": Work(
        "inproceedings",
        "Cho, Seong Jin and Kim, Gwangsu and Lee, Junghyun and Shin, Jinwoo and Yoo, Chang D.",
        "Querying Easily Flip-Flopped Samples for Deep Active Learning",
        "International Conference on Learning Representations",
        2024,
    ),
    "chow1970optimum": Work(
        "article",
        "Chow, C. K.",
        "On Optimum Recognition Error and Reject Tradeoff",
        "IEEE Transactions on Information Theory",
        1970,
    ),
    "citovsky2021batch": Work(
        "inproceedings",
        "Citovsky, Gui and DeSalvo, Giulia and Gentile, Claudio and Karydas, Lazaros and Rajagopalan, Anand and "
        "Rostamizadeh, Afshin and Kumar, Sanjiv",
        "Batch Active Learning at Scale",
        "Advances in Neural Information Processing Systems",
        2021,
    ),
    "dagan1995committee": Work(
        "inproceedings",
        "Dagan, Ido and Engelson, Sean P.",
        "Committee-Based Sampling for Training Probabilistic Classifiers",
        "International Conference on Machine Learning",
        1995,
    ),
    "dasgupta2008hierarchical": Work(
        "inproceedings",
        "Dasgupta, Sanjoy and Hsu, Daniel",
        "Hierarchical Sampling for Active Learning",
        "International Conference on Machine Learning",
        2008,
    ),
    "demsar2006statistical": Work(
        "article",
        "Demšar, Janez",
        "Statistical Comparisons of Classifiers over Multiple Data Sets",
        "Journal of Machine Learning Research",
        2006,
    ),
    "ducoffe2018adversarial": Work(
        "misc",
        "Ducoffe, Melanie and Precioso, Frederic",
        "Adversarial Active Learning for Deep Networks: a Margin Based Approach",
        "arXiv:1802.09841",
        2018,
    ),
    "ebert2012ralf": Work(
        "inproceedings",
        "Ebert, Sandra and Fritz, Mario and Schiele, Bernt",
        "RALF: A Reinforced Active Learning Formulation for Object Class Recognition",
        "IEEE Conference on Computer Vision and Pattern Recognition",
        2012,
    ),
    "esuli2009active": Work(
        "inproceedings",
        "Esuli, Andrea and Sebastiani, Fabrizio",
        "Active Learning Strategies for Multi-Label Text Classification",
        "European Conference on Information Retrieval",
        2009,
    ),
    "friedman1937use": Work(
        "article",
        "Friedman, Milton",
        "The Use of Ranks to Avoid the Assumption of Normality Implicit in the Analysis of Variance",
        "Journal of the American Statistical Association",
        1937,
    ),
    "gal2017deep": Work(
        "inproceedings",
        "Gal, Yarin and Islam, Riashat and Ghahramani, Zoubin",
        "Deep Bayesian Active Learning with Image Data",
        "International Conference on Machine Learning",
        2017,
    ),
    "gilhuber2024falcun": Work(
        "inproceedings",
        "Gilhuber, Sandra and Beer, Anna and Ma, Yunpu and Seidl, Thomas",
        "FALCUN: A Simple and Efficient Deep Active Learning Strategy",
        "European Conference on Machine Learning and Principles and Practice of Knowledge Discovery in Databases",
        2024,
    ),
    "gissin2019discriminative": Work(
        "misc",
        "Gissin, Daniel and Shalev-Shwartz, Shai",
        "Discriminative Active Learning",
        "arXiv:1907.06347",
        2019,
    ),
    "go2023transferable": Work(
        "misc",
        "Go, Kyeongryeol and Kim, Kye-Hyeon",
        "Transferable Candidate Proposal with Bounded Uncertainty",
        "arXiv:2312.04604",
        2023,
    ),
    "guo2017calibration": Work(
        "inproceedings",
        "Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.",
        "On Calibration of Modern Neural Networks",
        "International Conference on Machine Learning",
        2017,
    ),
    "gupte2024revisiting": Work(
        "article",
        "Gupte, Sanket Rajan and Aklilu, Josiah and Nirschl, Jeffrey J. and Yeung-Levy, Serena",
        "Revisiting Active Learning in the Era of Vision Foundation Models",
        "Transactions on Machine Learning Research",
        2024,
    ),
    "hacohen2022active": Work(
        "inproceedings",
        "Hacohen, Guy and Dekel, Avihu and Weinshall, Daphna",
        "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
        "International Conference on Machine Learning",
        2022,
    ),
    "hemachandra2023training": Work(
        "inproceedings",
        "Hemachandra, Apivich and Dai, Zhongxiang and Singh, Jasraj and Ng, See-Kiong and Low, Bryan Kian Hsiang",
        "Training-Free Neural Active Learning with Initialization-Robustness Guarantees",
        "International Conference on Machine Learning",
        2023,
    ),
    "hendrycks2022scaling": Work(
        "inproceedings",
        "Hendrycks, Dan and Basart, Steven and Mazeika, Mantas and Zou, Andy and Kwon, Joseph and "
        "Mostajabi, Mohammadreza and Steinhardt, Jacob and Song, Dawn",
        "Scaling Out-of-Distribution Detection for Real-World Settings",
        "International Conference on Machine Learning",
        2022,
    ),
    "holm1979simple": Work(
        "article",
        "Holm, Sture",
        "A Simple Sequentially Rejective Multiple Test Procedure",
        "Scandinavian Journal of Statistics",
        1979,
    ),
    "holzmueller2023framework": Work(
        "article",
        "Holzmüller, David and Zaverkin, Viktor and Kästner, Johannes and Steinwart, Ingo",
        "A Framework and Benchmark for Deep Batch Active Learning for Regression",
        "Journal of Machine Learning Research",
        2023,
    ),
    "houlsby2011bayesian": Work(
        "misc",
        "Houlsby, Neil and Huszár, Ferenc and Ghahramani, Zoubin and Lengyel, Máté",
        "Bayesian Active Learning for Classification and Preference Learning",
        "arXiv:1112.5745",
        2011,
    ),
    "huang2010active": Work(
        "inproceedings",
        "Huang, Sheng-Jun and Jin, Rong and Zhou, Zhi-Hua",
        "Active Learning by Querying Informative and Representative Examples",
        "Advances in Neural Information Processing Systems",
        2010,
    ),
    "huang2021importance": Work(
        "inproceedings",
        "Huang, Rui and Geng, Andrew and Li, Yixuan",
        "On the Importance of Gradients for Detecting Distributional Shifts in the Wild",
        "Advances in Neural Information Processing Systems",
        2021,
    ),
    "huang2021semi": Work(
        "inproceedings",
        "Huang, Siyu and Wang, Tianyang and Xiong, Haoyi and Huan, Jun and Dou, Dejing",
        "Semi-Supervised Active Learning with Temporal Output Discrepancy",
        "IEEE/CVF International Conference on Computer Vision",
        2021,
    ),
    "iman1980approximations": Work(
        "article",
        "Iman, Ronald L. and Davenport, James M.",
        "Approximations of the Critical Region of the Friedman Statistic",
        "Communications in Statistics",
        1980,
    ),
    "kampffmeyer2016semantic": Work(
        "inproceedings",
        "Kampffmeyer, Michael and Salberg, Arnt-Børre and Jenssen, Robert",
        "Semantic Segmentation of Small Objects and Modeling of Uncertainty in Urban Remote Sensing "
        "Images Using Deep Convolutional Neural Networks",
        "IEEE Conference on Computer Vision and Pattern Recognition Workshops",
        2016,
    ),
    "kaufman1990finding": Work(
        "book",
        "Kaufman, Leonard and Rousseeuw, Peter J.",
        "Finding Groups in Data: An Introduction to Cluster Analysis",
        "Wiley",
        1990,
    ),
    "kim2019guiding": Work(
        "inproceedings",
        "Kim, Jinhan and Feldt, Robert and Yoo, Shin",
        "Guiding Deep Learning System Testing Using Surprise Adequacy",
        "International Conference on Software Engineering",
        2019,
    ),
    "kirsch2019batchbald": Work(
        "inproceedings",
        "Kirsch, Andreas and van Amersfoort, Joost and Gal, Yarin",
        "BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian Active Learning",
        "Advances in Neural Information Processing Systems",
        2019,
    ),
    "kirsch2023stochastic": Work(
        "article",
        "Kirsch, Andreas and Farquhar, Sebastian and Atighehchian, Parmida and Jesson, Andrew and "
        "Branchaud-Charron, Frédéric and Gal, Yarin",
        "Stochastic Batch Acquisition: A Simple Baseline for Deep Active Learning",
        "Transactions on Machine Learning Research",
        2023,
    ),
    "konyushkova2017learning": Work(
        "inproceedings",
        "Konyushkova, Ksenia and Sznitman, Raphael and Fua, Pascal",
        "Learning Active Learning from Data",
        "Advances in Neural Information Processing Systems",
        2017,
    ),
    "kothawade2021similar": Work(
        "inproceedings",
        "Kothawade, Suraj and Beck, Nathan and Killamsetty, Krishnateja and Iyer, Rishabh",
        "SIMILAR: Submodular Information Measures Based Active Learning in Realistic Scenarios",
        "Advances in Neural Information Processing Systems",
        2021,
    ),
    "kulesza2011kdpps": Work(
        "inproceedings",
        "Kulesza, Alex and Taskar, Ben",
        "k-DPPs: Fixed-Size Determinantal Point Processes",
        "International Conference on Machine Learning",
        2011,
    ),
    "kurakin2017adversarial": Work(
        "inproceedings",
        "Kurakin, Alexey and Goodfellow, Ian J. and Bengio, Samy",
        "Adversarial Examples in the Physical World",
        "International Conference on Learning Representations, Workshop Track",
        2017,
    ),
    "lewis1994sequential": Work(
        "inproceedings",
        "Lewis, David D. and Gale, William A.",
        "A Sequential Algorithm for Training Text Classifiers",
        "International ACM SIGIR Conference on Research and Development in Information Retrieval",
        1994,
    ),
    "li2012active": Work(
        "inproceedings",
        "Li, Chun-Liang and Ferng, Chun-Sung and Lin, Hsuan-Tien",
        "Active Learning with Hinted Support Vector Machine",
        "Asian Conference on Machine Learning",
        2012,
    ),
    "li2024deep": Work(
        "inproceedings",
        "Li, Xingjian and Yang, Pengkun and Gu, Yangcheng and Zhan, Xueying and Wang, Tianyang and Xu, Min and "
        "Xu, Chengzhong",
        "Deep Active Learning with Noise Stability",
        "AAAI Conference on Artificial Intelligence",
        2024,
    ),
    "liu2020energy": Work(
        "inproceedings",
        "Liu, Weitang and Wang, Xiaoyun and Owens, John D. and Li, Yixuan",
        "Energy-based Out-of-distribution Detection",
        "Advances in Neural Information Processing Systems",
        2020,
    ),
    "mackay1992practical": Work(
        "article",
        "MacKay, David J. C.",
        "A Practical Bayesian Framework for Backpropagation Networks",
        "Neural Computation",
        1992,
    ),
    "margatina2021active": Work(
        "inproceedings",
        "Margatina, Katerina and Vernikos, Giorgos and Barrault, Loïc and Aletras, Nikolaos",
        "Active Learning by Acquiring Contrastive Examples",
        "Conference on Empirical Methods in Natural Language Processing",
        2021,
    ),
    "mirzasoleiman2013distributed": Work(
        "inproceedings",
        "Mirzasoleiman, Baharan and Karbasi, Amin and Sarkar, Rik and Krause, Andreas",
        "Distributed Submodular Maximization: Identifying Representative Elements in Massive Data",
        "Advances in Neural Information Processing Systems",
        2013,
    ),
    "moosavidezfooli2016deepfool": Work(
        "inproceedings",
        "Moosavi-Dezfooli, Seyed-Mohsen and Fawzi, Alhussein and Frossard, Pascal",
        "DeepFool: A Simple and Accurate Method to Fool Deep Neural Networks",
        "IEEE Conference on Computer Vision and Pattern Recognition",
        2016,
    ),
    "nguyen2004active": Work(
        "inproceedings",
        "Nguyen, Hieu T. and Smeulders, Arnold",
        "Active Learning Using Pre-Clustering",
        "International Conference on Machine Learning",
        2004,
    ),
    "ohlsson1995coordination": Work(
        "incollection",
        "Ohlsson, Esbjörn",
        "Coordination of Samples Using Permanent Random Numbers",
        "Business Survey Methods",
        1995,
    ),
    "parvaneh2022active": Work(
        "inproceedings",
        "Parvaneh, Amin and Abbasnejad, Ehsan and Teney, Damien and Haffari, Gholamreza and van den Hengel, Anton and "
        "Shi, Javen Qinfeng",
        "Active Learning by Feature Mixing",
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
        2022,
    ),
    "paul2021deep": Work(
        "inproceedings",
        "Paul, Mansheej and Ganguli, Surya and Dziugaite, Gintare Karolina",
        "Deep Learning on a Data Diet: Finding Important Examples Early in Training",
        "Advances in Neural Information Processing Systems",
        2021,
    ),
    "pinsler2019bayesian": Work(
        "inproceedings",
        "Pinsler, Robert and Gordon, Jonathan and Nalisnick, Eric and Hernández-Lobato, José Miguel",
        "Bayesian Batch Active Learning as Sparse Subset Approximation",
        "Advances in Neural Information Processing Systems",
        2019,
    ),
    "prabhu2021active": Work(
        "inproceedings",
        "Prabhu, Viraj and Chandrasekaran, Arjun and Saenko, Kate and Hoffman, Judy",
        "Active Domain Adaptation via Clustering Uncertainty-weighted Embeddings",
        "IEEE/CVF International Conference on Computer Vision",
        2021,
    ),
    "pratt1959remarks": Work(
        "article",
        "Pratt, John W.",
        "Remarks on Zeros and Ties in the Wilcoxon Signed Rank Procedures",
        "Journal of the American Statistical Association",
        1959,
    ),
    "ritter2018scalable": Work(
        "inproceedings",
        "Ritter, Hippolyt and Botev, Aleksandar and Barber, David",
        "A Scalable Laplace Approximation for Neural Networks",
        "International Conference on Learning Representations",
        2018,
    ),
    "roy2001toward": Work(
        "inproceedings",
        "Roy, Nicholas and McCallum, Andrew",
        "Toward Optimal Active Learning through Sampling Estimation of Error Reduction",
        "International Conference on Machine Learning",
        2001,
    ),
    "saravanan2020application": Work(
        "article",
        "Saravanan, Varun and Berman, Gordon J. and Sober, Samuel J.",
        "Application of the Hierarchical Bootstrap to Multi-Level Data in Neuroscience",
        "Neurons, Behavior, Data Analysis and Theory",
        2020,
    ),
    "scheffer2001active": Work(
        "inproceedings",
        "Scheffer, Tobias and Decomain, Christian and Wrobel, Stefan",
        "Active Hidden Markov Models for Information Extraction",
        "International Symposium on Intelligent Data Analysis",
        2001,
    ),
    "schein2007active": Work(
        "article",
        "Schein, Andrew I. and Ungar, Lyle H.",
        "Active Learning for Logistic Regression: An Evaluation",
        "Machine Learning",
        2007,
    ),
    "sener2018active": Work(
        "inproceedings",
        "Sener, Ozan and Savarese, Silvio",
        "Active Learning for Convolutional Neural Networks: A Core-Set Approach",
        "International Conference on Learning Representations",
        2018,
    ),
    "settles2008analysis": Work(
        "inproceedings",
        "Settles, Burr and Craven, Mark",
        "An Analysis of Active Learning Strategies for Sequence Labeling Tasks",
        "Conference on Empirical Methods in Natural Language Processing",
        2008,
    ),
    "settles2009active": Work(
        "techreport", "Settles, Burr", "Active Learning Literature Survey", "University of Wisconsin-Madison", 2009
    ),
    "seung1992query": Work(
        "inproceedings",
        "Seung, H. Sebastian and Opper, Manfred and Sompolinsky, Haim",
        "Query by Committee",
        "Annual Workshop on Computational Learning Theory",
        1992,
    ),
    "sinha2019variational": Work(
        "inproceedings",
        "Sinha, Samarth and Ebrahimi, Sayna and Darrell, Trevor",
        "Variational Adversarial Active Learning",
        "IEEE/CVF International Conference on Computer Vision",
        2019,
    ),
    "swayamdipta2020dataset": Work(
        "inproceedings",
        "Swayamdipta, Swabha and Schwartz, Roy and Lourie, Nicholas and Wang, Yizhong and Hajishirzi, Hannaneh and "
        "Smith, Noah A. and Choi, Yejin",
        "Dataset Cartography: Mapping and Diagnosing Datasets with Training Dynamics",
        "Conference on Empirical Methods in Natural Language Processing",
        2020,
    ),
    "tang2019selfpaced": Work(
        "inproceedings",
        "Tang, Ying-Peng and Huang, Sheng-Jun",
        "Self-Paced Active Learning: Query the Right Thing at the Right Time",
        "AAAI Conference on Artificial Intelligence",
        2019,
    ),
    "toneva2019empirical": Work(
        "inproceedings",
        "Toneva, Mariya and Sordoni, Alessandro and Tachet des Combes, Remi and Trischler, Adam and Bengio, Yoshua and "
        "Gordon, Geoffrey J.",
        "An Empirical Study of Example Forgetting during Deep Neural Network Learning",
        "International Conference on Learning Representations",
        2019,
    ),
    "wang2015querying": Work(
        "article",
        "Wang, Zheng and Ye, Jieping",
        "Querying Discriminative and Representative Samples for Batch Mode Active Learning",
        "ACM Transactions on Knowledge Discovery from Data",
        2015,
    ),
    "wang2016cost": Work(
        "article",
        "Wang, Keze and Zhang, Dongyu and Li, Ya and Zhang, Ruimao and Lin, Liang",
        "Cost-Effective Active Learning for Deep Image Classification",
        "IEEE Transactions on Circuits and Systems for Video Technology",
        2016,
    ),
    "wang2022dynamical": Work(
        "inproceedings",
        "Wang, Haonan and Huang, Wei and Wu, Ziwei and Tong, Hanghang and Margenot, Andrew J. and He, Jingrui",
        "Deep Active Learning by Leveraging Training Dynamics",
        "Advances in Neural Information Processing Systems",
        2022,
    ),
    "werner2024cross": Work(
        "inproceedings",
        "Werner, Thorben and Burchert, Johannes and Stubbemann, Maximilian and Schmidt-Thieme, Lars",
        "A Cross-Domain Benchmark for Active Learning",
        "Advances in Neural Information Processing Systems, Datasets and Benchmarks Track",
        2024,
    ),
    "wilcoxon1945individual": Work(
        "article",
        "Wilcoxon, Frank",
        "Individual Comparisons by Ranking Methods",
        "Biometrics Bulletin",
        1945,
    ),
    "wilson1927probable": Work(
        "article",
        "Wilson, Edwin B.",
        "Probable Inference, the Law of Succession, and Statistical Inference",
        "Journal of the American Statistical Association",
        1927,
    ),
    "wu2019active": Work(
        "article",
        "Wu, Dongrui and Lin, Chin-Teng and Huang, Jian",
        "Active Learning for Regression Using Greedy Sampling",
        "Information Sciences",
        2019,
    ),
    "yehuda2022active": Work(
        "inproceedings",
        "Yehuda, Ofer and Dekel, Avihu and Hacohen, Guy and Weinshall, Daphna",
        "Active Learning Through a Covering Lens",
        "Advances in Neural Information Processing Systems",
        2022,
    ),
    "zhan2021comparative": Work(
        "inproceedings",
        "Zhan, Xueying and Liu, Huan and Li, Qing and Chan, Antoni B.",
        "A Comparative Survey: Benchmarking for Pool-based Active Learning",
        "International Joint Conference on Artificial Intelligence",
        2021,
    ),
    "zhan2021multiple": Work(
        "misc",
        "Zhan, Xueying and Li, Qing and Chan, Antoni B.",
        "Multiple-criteria Based Active Learning with Fixed-size Determinantal Point Processes",
        "arXiv:2107.01622",
        2021,
    ),
    "zhan2022deepal": Work(
        "misc",
        "Zhan, Xueying and Wang, Qingzhong and Huang, Kuan-hao and Xiong, Haoyi and Dou, Dejing and Chan, Antoni B.",
        "A Comparative Survey of Deep Active Learning",
        "arXiv:2203.13450",
        2022,
    ),
    "zhdanov2019diverse": Work(
        "misc", "Zhdanov, Fedor", "Diverse Mini-Batch Active Learning", "arXiv:1901.05954", 2019
    ),
    "zhu2022active": Work(
        "inproceedings",
        "Zhu, Yinglun and Nowak, Robert",
        "Active Learning with Neural Networks: Insights from Nonparametric Statistics",
        "Advances in Neural Information Processing Systems",
        2022,
    ),
}


def cite(name: str) -> str:
    """What to cite, as BibTeX, for a key or for a strategy by its name.

    >>> print(cite("margin"))
    @inproceedings{scheffer2001active,
      author = {Scheffer, Tobias and Decomain, Christian and Wrobel, Stefan},
      title = {Active Hidden Markov Models for Information Extraction},
      booktitle = {International Symposium on Intelligent Data Analysis},
      year = {2001},
    }

    Args:
        name: A key of `REFERENCES`, a name of the catalogue or ``path/mine.py:MyStrategy``.

    Returns:
        An entry for each work that the strategy's docstring names; empty if it names none.

    Raises:
        UnknownName: If there is no such key and no such strategy.
    """
    if name in REFERENCES:
        return _entry(name)
    from askance.strategies import catalogue  # most keys need no strategy

    return "\n".join(_entry(key) for key in keys(type(catalogue.strategy(name)).__doc__ or ""))


def cite_results(conditions: Sequence[Results]) -> str:
    """What to cite for the strategies and learners of some results, as BibTeX; parts of others have no entry."""
    from askance.describe import build

    names = list(dict.fromkeys(name for results in conditions for name in results.strategies))
    parts: list[object] = [*names]
    for results in conditions:
        said = results.settings.get("learner")
        if isinstance(said, dict) and str(said.get("part", "")).startswith("askance.learners"):
            try:
                parts.append(type(build(said)))
            except AskanceError:  # a learner of another version
                continue
    return entries_of(parts)


def entries_of(parts: Iterable[object]) -> str:
    """What to cite for several strategies and classes, as BibTeX, each work once, in the order of their keys.

    Args:
        parts: Names of strategies, or classes; names that no catalogue has, and classes without keys, add nothing.
    """
    from askance.strategies import catalogue

    found: set[str] = set()
    for part in parts:
        if isinstance(part, str):
            if part not in catalogue.STRATEGIES.places:
                continue
            part = type(catalogue.strategy(part))
        found.update(key for key in keys(part.__doc__ or "") if key in REFERENCES)
    return "\n".join(_entry(key) for key in sorted(found))


def keys(docstring: str) -> list[str]:
    """The keys that a docstring names, each once.

    >>> keys("Typical items first. [hacohen2022active]")
    ['hacohen2022active']
    """
    return list(dict.fromkeys(KEY.findall(docstring)))


def _entry(key: str) -> str:
    if key not in REFERENCES:
        raise unknown("reference", key, REFERENCES)
    work = REFERENCES[key]
    fields = {"author": work.authors, "title": work.title, _VENUE[work.kind]: work.venue, "year": work.year}
    return "\n".join([f"@{work.kind}{{{key},", *(f"  {name} = {{{value}}}," for name, value in fields.items()), "}"])
